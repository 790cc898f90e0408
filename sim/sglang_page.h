// Renders the exposition of SGLang 0.5.18 on one rank: families, help, labels, bucket edges and
// number format of the recorded page tests/data/expositions/sglang-0.5.18-dp2.prom, those that tell
// load or mislead. As multiprocess mode does it: series appear on first use, a histogram's sum
// comes before its buckets, no process_* and no _created. Pure.

#pragma once

#include <string>

#include "sim/engine_page.h"

namespace leadline {

inline constexpr char kSglangContentType[] = "text/plain; version=0.0.4; charset=utf-8";

[[nodiscard]] std::string render_sglang_page(const PageInput& input);

}  // namespace leadline
