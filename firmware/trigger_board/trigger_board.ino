// Pulses that start the exposures of all cameras together. See firmware/README.md.

#include <Arduino.h>

#include "board.h"
#include "protocol.h"

namespace {

const uint32_t BAUD = 115200;  // boards with a USB port of their own pay no heed to it

#ifdef __AVR__
const uint32_t MOST_FPS = 1000;
#else
const uint32_t MOST_FPS = 10000;
#endif

#ifdef ARDUINO_ARCH_AVR
// Pins of one port rise in the same clock cycle.
class Outputs {
 public:
  void use(const uint8_t *pins, uint8_t n_pins) {
    n_ports_ = 0;
    for (uint8_t i = 0; i < n_pins; ++i) add(digitalPinToPort(pins[i]), digitalPinToBitMask(pins[i]));
  }

  void set(bool high) {
    noInterrupts();
    for (uint8_t i = 0; i < n_ports_; ++i)
      *registers_[i] = high ? *registers_[i] | masks_[i] : *registers_[i] & ~masks_[i];
    interrupts();
  }

 private:
  void add(uint8_t port, uint8_t mask) {
    volatile uint8_t *const output = portOutputRegister(port);
    uint8_t i = 0;
    while (i < n_ports_ && registers_[i] != output) ++i;
    if (i == n_ports_) {
      registers_[n_ports_++] = output;
      masks_[i] = 0;
    }
    masks_[i] |= mask;
  }

  volatile uint8_t *registers_[MOST_PINS];
  uint8_t masks_[MOST_PINS];
  uint8_t n_ports_ = 0;
};
#else
// Pins rise one after the other.
class Outputs {
 public:
  void use(const uint8_t *pins, uint8_t n_pins) {
    memcpy(pins_, pins, n_pins);
    n_pins_ = n_pins;
  }

  void set(bool high) {
    for (uint8_t i = 0; i < n_pins_; ++i) {
#ifdef TEENSYDUINO
      digitalWriteFast(pins_[i], high ? HIGH : LOW);
#else
      digitalWrite(pins_[i], high ? HIGH : LOW);
#endif
    }
  }

 private:
  uint8_t pins_[MOST_PINS];
  uint8_t n_pins_ = 0;
};
#endif

class ThisBoard : public Board {
 public:
  uint32_t micros() override { return ::micros(); }
  int read() override { return Serial.read(); }
  bool has_room() override { return Serial.availableForWrite() > 0; }
  void write(char character) override { Serial.write(character); }

  bool can_pulse(uint8_t pin) override {
#if defined(__AVR__) && !defined(USBCON)
    if (pin < 2) return false;  // the lines of the serial port itself
#endif
    return pin < NUM_DIGITAL_PINS;
  }

  void use(const uint8_t *pins, uint8_t n_pins) override {
    for (uint8_t i = 0; i < n_pins; ++i) {
      digitalWrite(pins[i], LOW);  // also ends what analogWrite may have left
      pinMode(pins[i], OUTPUT);
    }
    outputs_.use(pins, n_pins);
  }

  void set(bool high) override { outputs_.set(high); }

 private:
  Outputs outputs_;
};

ThisBoard board;
Protocol protocol(board, MOST_FPS);

}  // namespace

void setup() {
  Serial.begin(BAUD);
  protocol.begin();
}

void loop() { protocol.poll(); }
