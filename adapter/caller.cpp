#include "adapter/caller.h"

#include <algorithm>

#include <fmt/format.h>

namespace leadline {

bool Caller::is_in(std::string_view group) const {
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

Caller anonymous_caller() {
  return {.user = "system:anonymous", .uid = {}, .groups = {"system:unauthenticated"}, .extra = {}};
}

ApiError access_denied(const Caller& caller, const AccessRequest& access, std::string_view why) {
  std::string message;
  if (access.group.empty()) {
    message =
        fmt::format("User \"{}\" cannot {} path \"{}\"", caller.user, access.verb, access.path);
  } else {
    const std::string slash = access.subresource.empty() ? "" : "/";
    message =
        fmt::format("User \"{}\" cannot {} resource \"{}{}{}\" in API group \"{}\"", caller.user,
                    access.verb, access.resource, slash, access.subresource, access.group);
    message += access.namespace_name.empty()
                   ? std::string(" at the cluster scope")
                   : fmt::format(" in the namespace \"{}\"", access.namespace_name);
  }
  if (!why.empty()) message += fmt::format(": {}", why);
  return forbidden(std::move(message));
}

}  // namespace leadline
