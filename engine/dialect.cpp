#include "engine/dialect.h"

#include <array>

#include "engine/dialects/vllm.h"

namespace leadline {

std::span<const Dialect* const> dialects() {
  static const std::array<const Dialect*, 1> kDialects = {&vllm_dialect()};
  return kDialects;
}

const Dialect* find_dialect(std::string_view id) {
  for (const Dialect* dialect : dialects()) {
    if (dialect->id() == id) return dialect;
  }
  return nullptr;
}

}  // namespace leadline
