// Lines of text without memory from the heap.
#pragma once

#include <stdint.h>

const uint8_t LINE_SIZE = 192;

// A line that is read character by character.
class LineIn {
 public:
  // Whether this character ends a line; read the line then, before the next character is taken.
  bool take(char character);

  char *text() { return text_; }

  // Whether its end was lost.
  bool is_too_long() const { return is_too_long_; }

 private:
  char text_[LINE_SIZE];
  uint8_t length_ = 0;
  bool is_too_long_ = false;
  bool is_over_ = false;
};

// A line that is put together piece by piece, and sent character by character.
class LineOut {
 public:
  LineOut &operator<<(const char *words);
  LineOut &operator<<(uint32_t number);
  void end();
  void clear() { n_sent_ = length_ = 0; }

  bool is_empty() const { return length_ == 0; }
  char next();

 private:
  void put(char character);

  char text_[LINE_SIZE];
  uint8_t length_ = 0;
  uint8_t n_sent_ = 0;
};

// Read a whole number and move behind it; false: there is none, or it is too large.
bool read_number(const char *&text, uint32_t &value);
