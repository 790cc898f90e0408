// Renders the exposition of vLLM 0.32.0: the same families, labels, bucket edges, order and number
// format as the recorded page tests/data/sim/live-vllm-0.32.0-after.prom. Left out: python_* (we
// are no Python) and the http_* families but http_requests_*.
//
// Pure. Content-Type of the real one: kVllmContentType, to any Accept (engines.md §26).

#pragma once

#include <string>

#include "sim/engine_page.h"

namespace leadline {

inline constexpr char kVllmContentType[] = "text/plain; version=1.0.0; charset=utf-8";
inline constexpr char kVllmVersion[] = "0.32.0";

[[nodiscard]] std::string render_vllm_page(const PageInput& input);

}  // namespace leadline
