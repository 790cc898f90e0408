// How prometheus_client, in which the Python engines print, writes labels and numbers. Pure.

#pragma once

#include <string>
#include <string_view>

namespace leadline {

// A label's value with backslash, quote and line end escaped.
[[nodiscard]] std::string escape_label(std::string_view value);

// prometheus_client's floatToGoString: Python's repr with Go's exponent from 1e+06 on: 1453.0,
// 0.9133143801053077, 4.803538944e+09.
[[nodiscard]] std::string python_float(double value);

}  // namespace leadline
