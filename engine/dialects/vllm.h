// The dialect of vLLM, V0 (0.6) to 0.32, and of its Rust frontend. Constant, thread-safe.

#pragma once

#include "engine/dialect.h"

namespace leadline {

[[nodiscard]] const Dialect& vllm_dialect();

}  // namespace leadline
