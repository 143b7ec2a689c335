// What is asked for by 'prepare': read from text, and held against what a board can do.
#pragma once

#include <stdint.h>

#include "board.h"
#include "pulse_train.h"
#include "text.h"

const uint8_t MOST_PINS = 16;

struct Request {
  Plan plan;
  uint8_t pins[MOST_PINS];
  uint8_t n_pins = 0;
};

// Read "fps=30/1 width_us=5000 pulses=0 pins=2,3"; false: 'refusal' tells why not.
bool read_request(char *settings, Request &request, LineOut &refusal);

// Fill in what was left open, and see whether a board can do it; false: 'refusal' tells why not.
bool settle(Request &request, Board &board, uint32_t most_fps, LineOut &refusal);

// Write it in the form in which it is read.
void write_request(const Request &request, LineOut &line);
