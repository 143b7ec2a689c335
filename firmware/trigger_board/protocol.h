// What is said between computer and board; firmware/README.md describes it.
#pragma once

#include <stdint.h>

#include "board.h"
#include "pulse_train.h"
#include "request.h"
#include "text.h"

const uint8_t PROTOCOL_VERSION = 1;

class Protocol {
 public:
  // A board makes pulses of at most this rate; 'begin' and then 'poll', again and again.
  Protocol(Board &board, uint32_t most_fps);

  // Tell that the board has started.
  void begin();

  // Move the pins, if it is time or soon will be, then take or send at most one character.
  void poll();

 private:
  bool move_pins();
  void talk();
  void obey();
  void prepare(char *settings);
  void start();
  void tell_who(const char *word);
  void tell_state();
  void tell_counts();

  Board &board_;
  const uint32_t most_fps_;
  const uint32_t near_us_;
  PulseTrain train_;
  Request request_;
  bool is_prepared_ = false;
  const char *end_word_ = nullptr;  // what tells the end of the pulses, when it comes
  LineIn in_;
  LineOut out_;
};
