#include "engine/dialect.h"

#include <array>

#include "engine/dialects/llamacpp.h"
#include "engine/dialects/sglang.h"
#include "engine/dialects/vllm.h"

namespace leadline {

std::span<const Dialect* const> dialects() {
  static const std::array kDialects = {&vllm_dialect(), &sglang_dialect(), &llamacpp_dialect()};
  return kDialects;
}

const Dialect* find_dialect(std::string_view id) {
  for (const Dialect* dialect : dialects()) {
    if (dialect->id() == id) return dialect;
  }
  return nullptr;
}

}  // namespace leadline
