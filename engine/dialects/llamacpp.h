// The dialect of llama.cpp's server, builds b4700 to b11434, and of what descends from it.
// Constant, thread-safe.

#pragma once

#include "engine/dialect.h"

namespace leadline {

[[nodiscard]] const Dialect& llamacpp_dialect();

}  // namespace leadline
