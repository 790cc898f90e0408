// KedaMetadata reads the keys of a trigger's metadata and notes what is wrong with them. Each key
// may be written `KEYFromEnv`: KEDA has put the variable's value there. Used by the parsers of
// triggers. Source: contracts/keda.md §1.5 (KEDA v2.21.0).

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapter/label_selector.h"
#include "base/result.h"

namespace leadline {

class KedaMetadata {
 public:
  // `metadata` outlives it.
  explicit KedaMetadata(const Labels& metadata) : metadata_(metadata) {}

  // Empty where the key is absent, as KEDA leaves out what its environment does not have.
  [[nodiscard]] std::string_view text(std::string_view key) const;
  [[nodiscard]] bool is_from_environment(std::string_view key) const;

  // A replica's share: above 0, else noted.
  [[nodiscard]] double goal(std::string_view key);
  // What is not work yet: at least 0, else noted.
  [[nodiscard]] double activation(std::string_view key);
  void check_namespace(std::string_view name);

  // Notes that the key's value is wrong. KEDA logs it and writes it into an event, so that what a
  // container's environment holds is never shown: it may be a secret.
  void wrong(std::string_view key, std::string_view value, std::string_view must);
  // kBadInput with everything that was noted, `; ` between.
  [[nodiscard]] Result<void> result() const;

 private:
  const Labels& metadata_;
  std::vector<std::string> errors_;
};

}  // namespace leadline
