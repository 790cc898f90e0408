#include "sim/engine_page.h"

#include <algorithm>
#include <array>

#include "sim/llamacpp_page.h"
#include "sim/sglang_page.h"
#include "sim/vllm_page.h"

namespace leadline {

std::span<const EnginePage> engine_pages() {
  static constexpr std::array kPages = {
      EnginePage{"vllm", &render_vllm_page, kVllmContentType, "", false, ""},
      EnginePage{"sglang", &render_sglang_page, kSglangContentType, "", false, ""},
      EnginePage{"llamacpp", &render_llamacpp_page, kLlamacppContentType, "llama.cpp", true,
                 kLlamacppLoading},
  };
  return kPages;
}

const EnginePage* find_engine_page(std::string_view engine) {
  const auto pages = engine_pages();
  const auto found = std::find_if(pages.begin(), pages.end(), [engine](const EnginePage& page) {
    return page.engine == engine;
  });
  return found == pages.end() ? nullptr : &*found;
}

}  // namespace leadline
