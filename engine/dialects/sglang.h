// The dialect of SGLang, 0.4 to 0.5.18. Constant, thread-safe.

#pragma once

#include "engine/dialect.h"

namespace leadline {

[[nodiscard]] const Dialect& sglang_dialect();

}  // namespace leadline
