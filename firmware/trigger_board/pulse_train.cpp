#include "pulse_train.h"

namespace {

// Time to send the answer to 'start' before the first pulse.
const uint32_t LEAD_US = 2000;

bool has_come(uint32_t moment, uint32_t now) { return now - moment < 0x80000000UL; }

}  // namespace

void PulseTrain::start(const Plan &plan, uint32_t now) {
  plan_ = plan;
  period_us_ = plan.period_us();
  rest_ = plan.rest();
  carry_ = 0;
  due_us_ = now + LEAD_US;
  is_endless_ = plan.pulses == 0;
  sent_ = late_us_ = left_out_ = 0;
}

void PulseTrain::stop() {
  is_endless_ = false;
  plan_.pulses = sent_;
}

Edge PulseTrain::poll(uint32_t now) {
  if (!is_high_) return is_running() ? rise(now) : Edge::none;
  if (!has_come(fall_us_, now)) return Edge::none;
  is_high_ = false;
  return Edge::fall;
}

bool PulseTrain::is_running() const { return is_high_ || is_endless_ || sent_ < plan_.pulses; }

uint32_t PulseTrain::until_edge(uint32_t now) const {
  const uint32_t edge = is_high_ ? fall_us_ : due_us_;
  return has_come(edge, now) ? 0 : edge - now;
}

Edge PulseTrain::rise(uint32_t now) {
  leave_out_missed(now);
  if (!has_come(due_us_, now)) return Edge::none;
  const uint32_t late_us = now - due_us_;
  if (late_us > late_us_) late_us_ = late_us;
  fall_us_ = now + plan_.width_us;
  is_high_ = true;
  ++sent_;
  advance();
  return Edge::rise;
}

void PulseTrain::leave_out_missed(uint32_t now) {
  while (has_come(due_us_ + period_us_ / 2 + 1, now)) {
    advance();
    ++left_out_;
  }
}

void PulseTrain::advance() {
  due_us_ += period_us_;
  carry_ += rest_;
  if (carry_ >= plan_.frames) {
    carry_ -= plan_.frames;
    ++due_us_;
  }
}
