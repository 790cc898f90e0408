// Who calls and what they ask to do, in the words of Kubernetes' own authorisation. Plain values.
// Source: kubernetes-metrics-api.md §5.2, §5.4; api/authorization/v1/types.go (v1.36).

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/api_error.h"

namespace leadline {

inline constexpr std::string_view kMastersGroup = "system:masters";
inline constexpr std::string_view kAuthenticatedGroup = "system:authenticated";

struct Caller {
  std::string user;
  std::string uid;
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;

  [[nodiscard]] bool is_in(std::string_view group) const;
};

// `system:anonymous`, who may read health and what RBAC gives to everybody.
[[nodiscard]] Caller anonymous_caller();

// What is asked for, as the attributes of a SubjectAccessReview.
struct AccessRequest {
  std::string verb;         // "get", "list"
  std::string group;        // empty: a path that is no resource
  std::string version;      // "v1beta1"
  std::string resource;     // "pods"
  std::string subresource;  // "queue_depth"
  std::string name;         // of the object; "*" for all
  std::string namespace_name;
  std::string path;  // where group is empty: as requested
};

// The 403 in Kubernetes' own words. `why` is the authoriser's reason; may be empty.
[[nodiscard]] ApiError access_denied(const Caller& caller, const AccessRequest& access,
                                     std::string_view why = {});

}  // namespace leadline
