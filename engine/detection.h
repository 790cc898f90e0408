// Detection: which engine printed this page, from the page alone. Used by the sidecar, on every
// page: an engine can be replaced behind its port. Pure.
//
// One page can carry several engines' families (Triton and KServe pages hold `vllm:*`), so the
// order of the rules decides. Names of `# TYPE` lines count: labelled Python families print them
// before they have a series. Source: engine survey, sections 23 and 26.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/dialect.h"
#include "engine/page.h"

namespace leadline {

enum class PageState : std::uint8_t {
  kFound,     // an engine's families
  kNoSeries,  // an exposition with the process' own families only: the engine is starting
  kJson,
  kHtml,
  kNothing,  // empty, garbage, or families of no engine that we know
};

struct Detection {
  PageState state = PageState::kNothing;
  std::string_view engine;           // id; empty where not recognised. JSON may tell one too:
                                     // trtllm's array, the type of a refusal of llama.cpp's
  const Dialect* dialect = nullptr;  // nullptr: recognised perhaps, but not spoken yet
  bool draining = false;             // reading this page empties it: never read it again
  std::string why;  // for a person: `family prefix vllm: with label engine: V1`; of an error in
                    // JSON its message, as the engine wrote it
};

[[nodiscard]] Detection detect_engine(const Page& page);

}  // namespace leadline
