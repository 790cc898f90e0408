// For rigs: what must succeed for anything to be tested or measured at all.

#pragma once

#include <stdexcept>
#include <type_traits>
#include <utility>

#include "base/result.h"

namespace leadline {

// The value; throws std::runtime_error with the error's message, which GoogleTest reports and ends
// its test with.
template <typename T>
T required(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace leadline
