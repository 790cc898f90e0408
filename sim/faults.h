// Faults are the ways in which a stand-in engine can be told to misbehave, by flag at the start or
// by `POST /sim/faults` while it runs. Plain data and pure functions; the server holds the lock.
//
// JSON, every key optional, absent keys keep their value:
//   {"slow_page_ms":2000, "page_status":500, "garbage_page":true, "truncate_page":4000,
//    "cut_page":4000, "page_bytes":22000000, "huge_label_bytes":1000000,
//    "content_type":"text/html", "model_name":"other/model", "become":"sglang",
//    "hang":true, "freeze":true, "restart":true}

#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace leadline {

struct Faults {
  int slow_page_ms = 0;       // /metrics answers this late
  int page_status = 0;        // /metrics answers with this status, when not 0
  bool garbage_page = false;  // /metrics is 200 with bytes that are no exposition
  int truncate_page = 0;      // keeps only the first bytes, with an honest Content-Length
  int cut_page = 0;           // promises the whole page, closes after these bytes
  int page_bytes = 0;         // pads the page with samples up to this size
  int huge_label_bytes = 0;   // adds one label of this size to cache_config_info
  std::string content_type;   // instead of the page's own, when not empty
  std::string model_name;     // what the page calls the model, when not empty
  // Whose page it prints: an engine of engine_page.h, or "other": families of a prefix that nobody
  // knows. Only vLLM has /version.
  std::string become = "vllm";
  bool hang = false;     // accepts and never answers anything but /sim/*; implies freeze
  bool freeze = false;   // starts no step: requests stay where they are
  bool restart = false;  // once, at once: counters at zero, new start time, queue dropped
};

// Sets the keys that the JSON object has. kBadInput: no object, an unknown key, a wrong type or
// range; then nothing is changed.
[[nodiscard]] Result<Faults> with_changes(const Faults& current, std::string_view json);

[[nodiscard]] std::string to_json(const Faults& faults);

// What the faults make of a good page's text; truncation and cutting are the server's.
[[nodiscard]] std::string spoil_page(const Faults& faults, std::string page);

}  // namespace leadline
