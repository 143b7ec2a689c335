// The program of the trigger board on a computer, in place of a microcontroller.
//
//   live CLOCK_US BOOT_MS EDGES   talks over its standard input and output, in real time
//   talk CLOCK_US                 answers all of its standard input, in simulated time
//   train FRAMES SECONDS WIDTH_US PULSES CLOCK_US LATE_US
//                                 writes when pulses rise, in simulated time
//
// CLOCK_US is where the clock of microseconds begins.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <chrono>
#include <random>
#include <thread>

#include "board.h"
#include "protocol.h"
#include "pulse_train.h"

namespace {

const uint32_t MOST_FPS = 1000;

// A board with pins 2 to 13, whose edges are written down.
class HostBoard : public Board {
 public:
  explicit HostBoard(FILE *edges) : edges_(edges) {}

  bool can_pulse(uint8_t pin) override { return 2 <= pin && pin <= 13; }

  void use(const uint8_t *pins, uint8_t n_pins) override {
    fprintf(edges_, "use");
    for (uint8_t i = 0; i < n_pins; ++i) fprintf(edges_, " %d", pins[i]);
    fprintf(edges_, "\n");
    fflush(edges_);
  }

  void set(bool high) override {
    fprintf(edges_, high ? "rise\n" : "fall\n");
    fflush(edges_);
  }

 private:
  FILE *edges_;
};

class LiveBoard : public HostBoard {
 public:
  LiveBoard(uint32_t clock_us, FILE *edges) : HostBoard(edges), clock_us_(clock_us) {}

  uint32_t micros() override {
    using namespace std::chrono;
    const auto since = steady_clock::now() - begin_;
    return clock_us_ + static_cast<uint32_t>(duration_cast<microseconds>(since).count());
  }

  int read() override {
    unsigned char character;
    return ::read(STDIN_FILENO, &character, 1) == 1 ? character : -1;
  }

  bool has_room() override { return true; }

  void write(char character) override {
    if (::write(STDOUT_FILENO, &character, 1) != 1) perror("a character was lost");
  }

 private:
  const uint32_t clock_us_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

int live(uint32_t clock_us, long boot_ms, const char *edges) {
  fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
  LiveBoard board(clock_us, fopen(edges, "w"));
  while (board.micros() - clock_us < boot_ms * 1000UL) {  // as a boot loader does
    board.read();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  Protocol protocol(board, MOST_FPS);
  protocol.begin();
  for (;;) {
    // a slice of polls, so that the test does not take a whole core
    for (int i = 0; i < 200; ++i) protocol.poll();
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

// Looking at the clock and reading take 5 us each; a character 1 in the input lets a tenth of a
// second pass.
class SimulatedBoard : public HostBoard {
 public:
  explicit SimulatedBoard(uint32_t clock_us) : HostBoard(stderr), now_us_(clock_us) {}

  uint32_t micros() override { return now_us_ += 5; }

  int read() override {
    if (micros() - pause_us_ < 100000) return -1;
    const int character = getchar();
    if (character == EOF) is_over_ = true;
    if (character != 1) return character;
    pause_us_ = now_us_;
    return -1;
  }

  // As slow as a port of 115200 baud that stalls now and then.
  bool has_room() override { return ++asked_ % 17 == 0; }
  void write(char character) override { putchar(character); }

  bool is_over() const { return is_over_; }

 private:
  uint32_t now_us_;
  uint32_t pause_us_ = now_us_ - 100000;
  uint32_t asked_ = 0;
  bool is_over_ = false;
};

int talk(uint32_t clock_us) {
  SimulatedBoard board(clock_us);
  Protocol protocol(board, MOST_FPS);
  protocol.begin();
  while (!board.is_over()) protocol.poll();
  return 0;
}

int train(const Plan &plan, uint32_t clock_us, uint32_t late_us) {
  std::mt19937 random(5);
  uint64_t now_us = clock_us;
  PulseTrain pulses;
  pulses.start(plan, clock_us);
  while (pulses.is_running()) {
    now_us += pulses.until_edge(static_cast<uint32_t>(now_us)) + random() % (late_us + 1);
    if (pulses.poll(static_cast<uint32_t>(now_us)) == Edge::rise)
      printf("%llu\n", static_cast<unsigned long long>(now_us - clock_us));
  }
  fprintf(stderr, "%u %u %u\n", pulses.sent(), pulses.late_us(), pulses.left_out());
  return 0;
}

uint32_t number(const char *text) { return static_cast<uint32_t>(strtoull(text, nullptr, 10)); }

}  // namespace

int main(int count, char **words) {
  if (count == 5 && strcmp(words[1], "live") == 0)
    return live(number(words[2]), atol(words[3]), words[4]);
  if (count == 3 && strcmp(words[1], "talk") == 0) return talk(number(words[2]));
  if (count == 8 && strcmp(words[1], "train") == 0) {
    Plan plan;
    plan.frames = number(words[2]);
    plan.seconds = number(words[3]);
    plan.width_us = number(words[4]);
    plan.pulses = number(words[5]);
    return train(plan, number(words[6]), number(words[7]));
  }
  fprintf(stderr, "live CLOCK_US BOOT_MS EDGES | talk CLOCK_US | train ...\n");
  return 2;
}
