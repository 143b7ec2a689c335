#include "text.h"

namespace {

const uint32_t UNITS[] = {1000000000, 100000000, 10000000, 1000000, 100000,
                          10000,      1000,      100,      10,      1};

}  // namespace

bool LineIn::take(char character) {
  if (is_over_) {
    length_ = 0;
    is_too_long_ = is_over_ = false;
  }
  if (character == '\r') return false;
  if (character == '\n') {
    text_[length_] = '\0';
    is_over_ = true;
  } else if (length_ == LINE_SIZE - 1) {
    is_too_long_ = true;
  } else {
    const bool is_plain = ' ' <= character && character <= '~';
    text_[length_++] = is_plain ? character : '?';
  }
  return is_over_;
}

LineOut &LineOut::operator<<(const char *words) {
  while (*words != '\0') put(*words++);
  return *this;
}

// Without division: an 8-bit board needs some 40 us for each.
LineOut &LineOut::operator<<(uint32_t number) {
  bool is_begun = false;
  for (uint32_t unit : UNITS) {
    char digit = '0';
    for (; number >= unit; number -= unit) ++digit;
    is_begun = is_begun || digit != '0' || unit == 1;
    if (is_begun) put(digit);
  }
  return *this;
}

void LineOut::end() { text_[length_++] = '\n'; }

char LineOut::next() {
  const char character = text_[n_sent_++];
  if (n_sent_ == length_) clear();
  return character;
}

// The last place is kept for the end of the line.
void LineOut::put(char character) {
  if (length_ < LINE_SIZE - 1) text_[length_++] = character;
}

bool read_number(const char *&text, uint32_t &value) {
  const char *const begin = text;
  value = 0;
  for (; '0' <= *text && *text <= '9'; ++text) {
    const uint32_t digit = *text - '0';
    if (value > (UINT32_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  return text != begin;
}
