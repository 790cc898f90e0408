// The text of `/metrics`, by prometheus-cpp's serializer: Prometheus text 0.0.4. Pure.

#pragma once

#include <string>

#include "daemon/families.h"

namespace leadline {

inline constexpr const char* kPrometheusText = "text/plain; version=0.0.4; charset=utf-8";

[[nodiscard]] std::string prometheus_page(const Families& families);

}  // namespace leadline
