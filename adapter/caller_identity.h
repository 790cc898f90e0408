// Who calls, and what they may do. For now one static bearer token, which stands for a member of
// system:masters; whoever shows nothing is system:anonymous, who may read health and nothing else.
// Immutable, thread-safe. Source: kubernetes-metrics-api.md §5.2, §5.4.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/api_error.h"
#include "daemon/http.h"

namespace leadline {

struct Caller {
  std::string user;
  std::vector<std::string> groups;

  [[nodiscard]] bool is_in(std::string_view group) const;
};

class CallerIdentity {
 public:
  // REQUIRES: `token` is not empty. It is compared in constant time and never logged.
  explicit CallerIdentity(std::string token);

  // 401 where something was shown and is not accepted: a wrong token, two Authorization headers.
  [[nodiscard]] ApiResult<Caller> identify(const HttpRequest& request) const;

 private:
  std::string token_;
};

// What is asked for, in the words of a SubjectAccessReview.
struct AccessRequest {
  std::string verb;      // "get", "list"
  std::string group;     // empty: a path that is no resource
  std::string resource;  // "pods/queue_depth"
  std::string namespace_name;
  std::string path;  // where group is empty
};

// nullopt: allowed; else the 403 with Kubernetes' own words.
[[nodiscard]] std::optional<ApiError> refusal(const Caller& caller, const AccessRequest& access);

}  // namespace leadline
