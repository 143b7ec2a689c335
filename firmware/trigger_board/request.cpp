#include "request.h"

#include <string.h>

namespace {

const uint32_t MOST_PERIOD_S = 1000;
const uint32_t LEAST_WIDTH_US = 10;
const uint32_t MOST_WIDTH_US = 1000000;
const uint32_t USUAL_WIDTH_US = 5000;

bool is_end(const char *text) { return *text == '\0'; }

bool read_fps(const char *text, Plan &plan) {
  if (!read_number(text, plan.frames)) return false;
  if (*text == '/' && !read_number(++text, plan.seconds)) return false;
  return is_end(text);
}

bool read_whole(const char *text, uint32_t &value) { return read_number(text, value) && is_end(text); }

bool read_pins(const char *text, Request &request) {
  for (request.n_pins = 0; request.n_pins < MOST_PINS; ++text) {
    uint32_t pin;
    if (!read_number(text, pin) || pin > UINT8_MAX) return false;
    request.pins[request.n_pins++] = uint8_t(pin);
    if (*text != ',') return is_end(text);
  }
  return false;
}

bool read_setting(const char *name, const char *value, Request &request, LineOut &refusal) {
  bool is_read;
  if (strcmp(name, "fps") == 0) {
    is_read = read_fps(value, request.plan);
  } else if (strcmp(name, "width_us") == 0) {
    is_read = read_whole(value, request.plan.width_us);
  } else if (strcmp(name, "pulses") == 0) {
    is_read = read_whole(value, request.plan.pulses);
  } else if (strcmp(name, "pins") == 0) {
    is_read = read_pins(value, request);
  } else {
    refusal << "there is no setting '" << name << "'";
    return false;
  }
  if (!is_read) refusal << name << ": '" << value << "' can not be read";
  return is_read;
}

bool is_rate_possible(const Plan &plan, uint32_t most_fps, LineOut &refusal) {
  const bool is_slow = plan.seconds > MOST_PERIOD_S * uint64_t(plan.frames);
  const bool is_fast = plan.frames > most_fps * uint64_t(plan.seconds);
  // a pulse train adds up parts of a microsecond to nearly twice as many
  if (!is_slow && !is_fast && plan.frames <= INT32_MAX) return true;
  refusal << "fps " << plan.frames << "/" << plan.seconds << ": this board makes 1/"
          << MOST_PERIOD_S << " to " << most_fps;
  return false;
}

uint32_t usual_width_us(const Plan &plan) {
  const uint32_t half = plan.period_us() / 2;
  return half < USUAL_WIDTH_US ? half : USUAL_WIDTH_US;
}

bool is_width_possible(const Plan &plan, LineOut &refusal) {
  uint32_t most = plan.period_us() - LEAST_WIDTH_US;
  if (most > MOST_WIDTH_US) most = MOST_WIDTH_US;
  if (LEAST_WIDTH_US <= plan.width_us && plan.width_us <= most) return true;
  refusal << "width_us " << plan.width_us << ": at this rate " << LEAST_WIDTH_US << " to " << most;
  return false;
}

bool is_pin_possible(const Request &request, uint8_t index, Board &board, LineOut &refusal) {
  const uint8_t pin = request.pins[index];
  if (memchr(request.pins, pin, index) != nullptr) {
    refusal << "pin " << pin << " is there twice";
    return false;
  }
  if (!board.can_pulse(pin)) {
    refusal << "pin " << pin << ": this board can not use it";
    return false;
  }
  return true;
}

}  // namespace

bool read_request(char *settings, Request &request, LineOut &refusal) {
  for (char *word = strtok(settings, " "); word != nullptr; word = strtok(nullptr, " ")) {
    char *const equals = strchr(word, '=');
    if (equals == nullptr) {
      refusal << "'" << word << "' is no setting: NAME=VALUE";
      return false;
    }
    *equals = '\0';
    if (!read_setting(word, equals + 1, request, refusal)) return false;
  }
  return true;
}

bool settle(Request &request, Board &board, uint32_t most_fps, LineOut &refusal) {
  if (request.n_pins == 0) {
    refusal << "no pins";
    return false;
  }
  for (uint8_t index = 0; index < request.n_pins; ++index)
    if (!is_pin_possible(request, index, board, refusal)) return false;
  if (!is_rate_possible(request.plan, most_fps, refusal)) return false;
  if (request.plan.width_us == 0) request.plan.width_us = usual_width_us(request.plan);
  return is_width_possible(request.plan, refusal);
}

void write_request(const Request &request, LineOut &line) {
  const Plan &plan = request.plan;
  line << "fps=" << plan.frames << "/" << plan.seconds << " width_us=" << plan.width_us
       << " pulses=" << plan.pulses << " pins=";
  for (uint8_t index = 0; index < request.n_pins; ++index)
    line << (index == 0 ? "" : ",") << request.pins[index];
}
