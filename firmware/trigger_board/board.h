// What the program asks of the microcontroller that it runs on.
#pragma once

#include <stdint.h>

class Board {
 public:
  // Microseconds since some moment; they begin anew after 2^32, which is every 71 minutes.
  virtual uint32_t micros() = 0;

  // Next character that has arrived; -1: none.
  virtual int read() = 0;

  // Whether a character can be written without waiting.
  virtual bool has_room() = 0;
  virtual void write(char character) = 0;

  virtual bool can_pulse(uint8_t pin) = 0;

  // Make outputs of these pins, low, which 'set' then moves together.
  virtual void use(const uint8_t *pins, uint8_t n_pins) = 0;
  virtual void set(bool high) = 0;

 protected:
  ~Board() = default;
};
