#include "protocol.h"

#include <string.h>

// Talking takes time, on a slow board 0.4 of the shortest period: nothing is said so near to an
// edge. Of each period, high or low lasts half or longer, so that there is time for both.
Protocol::Protocol(Board &board, uint32_t most_fps)
    : board_(board), most_fps_(most_fps), near_us_(400000 / most_fps) {}

void Protocol::begin() {
  tell_who("\nbooted");  // what a reset sent before is not part of this line
  out_.end();
}

void Protocol::poll() {
  if (!train_.is_running() || !move_pins()) talk();
}

// Wait for an edge that is near; whether there was one.
bool Protocol::move_pins() {
  uint32_t now;
  uint32_t until_us;
  do {
    now = board_.micros();
    until_us = train_.until_edge(now);
  } while (0 < until_us && until_us <= near_us_);
  if (until_us > 0) return false;
  const Edge edge = train_.poll(now);
  if (edge != Edge::none) board_.set(edge == Edge::rise);
  return true;
}

void Protocol::talk() {
  if (!out_.is_empty()) {
    if (board_.has_room()) board_.write(out_.next());
    return;
  }
  if (end_word_ != nullptr && !train_.is_running()) {
    out_ << end_word_;
    end_word_ = nullptr;
    tell_counts();
    out_.end();
    return;
  }
  const int character = board_.read();
  if (character >= 0 && in_.take(char(character))) obey();
}

void Protocol::obey() {
  char *const line = in_.text();
  if (in_.is_too_long()) {
    out_ << "error line of more than " << LINE_SIZE - 1 << " characters";
  } else if (strcmp(line, "hello") == 0) {
    tell_who("hello");
  } else if (strncmp(line, "prepare ", 8) == 0) {
    prepare(line + 8);
  } else if (strcmp(line, "start") == 0) {
    start();
  } else if (strcmp(line, "status") == 0) {
    out_ << "status";
    tell_state();
  } else if (strcmp(line, "stop") == 0) {
    train_.stop();
    end_word_ = "stopped";
  } else if (*line != '\0') {  // empty lines end what somebody else had begun
    out_ << "error unknown command '" << line << "'";
  }
  if (!out_.is_empty()) out_.end();
}

void Protocol::prepare(char *settings) {
  out_ << "error ";
  if (train_.is_running()) {
    out_ << "running: stop first";
    return;
  }
  request_ = Request();
  is_prepared_ =
      read_request(settings, request_, out_) && settle(request_, board_, most_fps_, out_);
  if (!is_prepared_) return;
  board_.use(request_.pins, request_.n_pins);
  out_.clear();
  out_ << "ready ";
  write_request(request_, out_);
}

void Protocol::start() {
  if (train_.is_running()) {
    out_ << "error running: stop first";
  } else if (!is_prepared_) {
    out_ << "error nothing is prepared";
  } else {
    train_.start(request_.plan, board_.micros());
    end_word_ = "done";
    out_ << "started";
  }
}

void Protocol::tell_who(const char *word) {
  out_ << word << " sdannce-trigger version=" << PROTOCOL_VERSION << " most_pins=" << MOST_PINS
       << " most_fps=" << most_fps_;
  tell_state();
}

void Protocol::tell_state() {
  const char *const prepared = is_prepared_ ? "ready" : "idle";
  out_ << " state=" << (train_.is_running() ? "running" : prepared);
  tell_counts();
}

void Protocol::tell_counts() {
  out_ << " sent=" << train_.sent() << " late_us=" << train_.late_us()
       << " left_out=" << train_.left_out();
}
