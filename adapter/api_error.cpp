#include "adapter/api_error.h"

#include <utility>

#include <fmt/format.h>

namespace leadline {

ApiError bad_request(std::string message) {
  return {400, "BadRequest", std::move(message)};
}
ApiError unauthorized() {
  return {401, "Unauthorized", "Unauthorized"};
}
ApiError forbidden(std::string message) {
  return {403, "Forbidden", std::move(message)};
}
ApiError not_found(std::string message) {
  return {404, "NotFound", std::move(message)};
}

ApiError path_not_found(std::string_view path) {
  return not_found(fmt::format("the server could not find the requested resource {}", path));
}

ApiError method_not_allowed(std::string message) {
  return {405, "MethodNotAllowed", std::move(message)};
}

ApiError not_acceptable(std::string_view accepted) {
  return {406, "NotAcceptable",
          fmt::format("only the following media types are accepted: {}", accepted)};
}

ApiError too_many_requests() {
  return {429, "TooManyRequests", "too many requests in flight, please try again later"};
}

ApiError internal_error(std::string message) {
  return {500, "InternalError", std::move(message)};
}
ApiError timed_out(std::string message) {
  return {504, "Timeout", std::move(message)};
}

ApiError metric_not_found(const MissingMetric& missing) {
  std::string message = fmt::format("the server could not find the metric {} for {}",
                                    missing.metric, missing.resource);
  if (!missing.object.empty()) message += fmt::format(" {}", missing.object);
  if (!missing.selector.empty()) message += fmt::format(" with selector {}", missing.selector);
  if (!missing.why.empty()) message += fmt::format(": {}", missing.why);
  return not_found(std::move(message));
}

std::string status_body(const ApiError& error, JsonStyle style) {
  nlohmann::ordered_json status = {{"kind", "Status"},
                                   {"apiVersion", "v1"},
                                   {"metadata", nlohmann::ordered_json::object()},
                                   {"status", "Failure"},
                                   {"message", error.message}};
  if (!error.reason.empty()) status["reason"] = error.reason;
  status["code"] = error.http_status;
  return to_text(status, style);
}

}  // namespace leadline
