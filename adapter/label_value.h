// Makes a Kubernetes label value of any text, since a selector cannot hold `/` or `:`:
// `meta-llama/Llama-3-8B` becomes `meta-llama.Llama-3-8B`. Used for every label that the metrics
// API shows or selects by (model, engine, queue …). Pure, idempotent. Source: design.md §4; label
// value grammar: kubernetes-metrics-api.md §2.3.

#pragma once

#include <string>
#include <string_view>

namespace leadline {

// Each run of characters outside [A-Za-z0-9._-] becomes one `.`, ends are trimmed to alphanumerics,
// more than 63 characters become the first 54, `-` and 8 hex digits of the SHA-256 of `text`.
// Two texts may meet in one value: that is the caller's to count, never to rename.
std::string label_value_of(std::string_view text);

// Whether `text` is a label value as it is: empty, or at most 63 of the alphabet.
bool is_label_value(std::string_view text);

}  // namespace leadline
