// What the fuzzers share. A fuzzer is one file that defines check_input: it feeds bytes to a parser
// and aborts where a sentence about the outcome is false; the sanitizers find the rest. The same
// file is linked twice: with libFuzzer (`./dev fuzz`), and with replay.cpp, which gives it the kept
// inputs of corpus/NAME as an ordinary test.

#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace leadline::fuzz {

// Each fuzzer's own. `input` is a block of exactly its size, so that a read past it is seen.
void check_input(std::string_view input);

// Ends the process where the sentence is false; libFuzzer then keeps the input.
inline void require(bool holds, const char* sentence) {
  if (holds) return;
  std::fprintf(stderr, "FALSE: %s\n", sentence);
  std::abort();
}

// The same bits, or both NaN.
inline bool same_number(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

}  // namespace leadline::fuzz
