// Renders the exposition of llama.cpp's server b11434: families, help, types, order and number
// format of the recorded page tests/data/expositions/live-llamacpp-b11434-loaded.prom. No labels,
// no histograms, six digits. Pure.

#pragma once

#include <string>

#include "sim/engine_page.h"

namespace leadline {

inline constexpr char kLlamacppContentType[] = "text/plain; version=0.0.4";
inline constexpr char kLlamacppLoading[] =
    R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})";

[[nodiscard]] std::string render_llamacpp_page(const PageInput& input);

}  // namespace leadline
