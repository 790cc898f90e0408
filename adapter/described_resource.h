// The Kubernetes resources that a metric may describe: their spellings in a URL, their kind in an
// answer, their scope in discovery. One table, so that URL parsing, answers and discovery agree,
// and a parent resource can never be listed with two scopes (which would take the whole API down).
// Immutable, thread-safe.
// Source: design.md §4, "Described objects"; kubernetes-metrics-api.md §1.2, §3.3.

#pragma once

#include <span>
#include <string_view>

namespace leadline {

struct DescribedResource {
  std::string_view name;  // as discovery lists it: `plural` or `plural.group`
  std::string_view plural;
  std::string_view singular;
  std::string_view group;  // empty for core
  std::string_view kind;
  std::string_view api_version;  // `v1`, `apps/v1`
  bool namespaced = true;
};

// Every resource we know, in the order of design.md.
std::span<const DescribedResource> described_resources();

// Looks up `plural` or `singular`, with the group or, as a REST mapper does, without. nullptr where
// we do not know it. `text` is split at its first dot.
const DescribedResource* find_described_resource(std::string_view text);

}  // namespace leadline
