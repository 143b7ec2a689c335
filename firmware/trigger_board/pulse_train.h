// When pulses rise and fall.
//
// Times are those of a clock of 32 bits that begins anew: only differences of two of them, less
// than half a round apart, mean anything.
#pragma once

#include <stdint.h>

struct Plan {
  uint32_t frames = 0;    // so many pulses ...
  uint32_t seconds = 1;   // ... in so many seconds
  uint32_t width_us = 0;  // how long each is high
  uint32_t pulses = 0;    // how many; 0: until they are stopped

  // Whole microseconds from a pulse to the next; what is left over is in 'rest'.
  uint32_t period_us() const { return uint32_t(span_us() / frames); }
  uint32_t rest() const { return uint32_t(span_us() % frames); }

 private:
  uint64_t span_us() const { return uint64_t(seconds) * 1000000; }
};

enum class Edge : uint8_t { none, rise, fall };

class PulseTrain {
 public:
  // The first pulse is due soon after 'now', and all others are counted from it.
  void start(const Plan &plan, uint32_t now);

  // Send no more pulses; one that is high keeps its width.
  void stop();

  // What the pins have to do now. Ask as often as possible: edges come as late as that is seldom.
  Edge poll(uint32_t now);

  bool is_running() const;

  // Microseconds until something is to be done, while it is running.
  uint32_t until_edge(uint32_t now) const;

  uint32_t sent() const { return sent_; }

  // How late the latest pulse of all was.
  uint32_t late_us() const { return late_us_; }

  // Pulses that would have come more than half a period late, and so too near to the next ones.
  uint32_t left_out() const { return left_out_; }

 private:
  Edge rise(uint32_t now);
  void leave_out_missed(uint32_t now);
  void advance();

  Plan plan_;
  uint32_t period_us_ = 0;
  uint32_t rest_ = 0;   // a period has this many more parts of a microsecond, of plan_.frames
  uint32_t carry_ = 0;  // parts that 'due_us_' lags behind
  uint32_t due_us_ = 0;
  uint32_t fall_us_ = 0;
  bool is_high_ = false;
  bool is_endless_ = false;
  uint32_t sent_ = 0;
  uint32_t late_us_ = 0;
  uint32_t left_out_ = 0;
};
