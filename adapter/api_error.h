// What the metrics API answers when it cannot answer: an HTTP status and the Kubernetes Status
// object that repeats it. `kubectl describe hpa` shows the message, so it must say why. Source:
// kubernetes-metrics-api.md §1.6.

#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "adapter/json_text.h"

namespace leadline {

struct ApiError {
  int http_status = 500;
  std::string reason;  // `NotFound`; empty where Kubernetes gives none
  std::string message;
};

template <typename T>
using ApiResult = tl::expected<T, ApiError>;

ApiError bad_request(std::string message);
ApiError unauthorized();
ApiError forbidden(std::string message);
ApiError not_found(std::string message);
ApiError path_not_found(std::string_view path);
ApiError method_not_allowed(std::string message);
ApiError not_acceptable(std::string_view accepted);  // `application/json`
ApiError too_many_requests();                        // without Retry-After: §4.6
ApiError internal_error(std::string message);
ApiError timed_out(std::string message);

// `the server could not find the metric M for R`, then ` NAME`, ` with selector S`, `: why` for
// each part that is not empty.
struct MissingMetric {
  std::string_view metric;
  std::string_view resource;
  std::string_view object;
  std::string_view selector;
  std::string_view why;  // `coverage 1/3 below 0.5; stale: pod-a`
};
ApiError metric_not_found(const MissingMetric& missing);

// The Status body.
std::string status_body(const ApiError& error, JsonStyle style);

}  // namespace leadline
