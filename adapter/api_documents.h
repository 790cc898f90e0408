// ApiDocuments are the bodies that depend on the catalogue alone: discovery, /version and the
// index. Made once and served as they are, so that discovery answers whatever the pods do.
// Immutable, thread-safe.

#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "adapter/catalogue.h"
#include "adapter/content_negotiation.h"

namespace leadline {

struct ApiDocument {
  std::string compact, pretty;

  [[nodiscard]] const std::string& in(JsonStyle style) const {
    return style == JsonStyle::kPretty ? pretty : compact;
  }
};

class ApiDocuments {
 public:
  // `external_names`: what external.metrics.k8s.io has besides the catalogue.
  explicit ApiDocuments(const Catalogue& catalogue,
                        std::span<const std::string_view> external_names = {});

  // GET /apis in a negotiated form.
  [[nodiscard]] const ApiDocument& groups(DiscoveryFormat format) const;

  // By path, without a trailing slash: "/", "/version", "/apis/{group}", "/apis/{group}/{version}".
  // nullptr: there is none.
  [[nodiscard]] const ApiDocument* at(std::string_view path) const;

 private:
  std::map<DiscoveryFormat, ApiDocument> groups_;
  std::map<std::string, ApiDocument, std::less<>> by_path_;
};

}  // namespace leadline
