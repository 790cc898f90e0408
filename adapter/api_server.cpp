#include "adapter/api_server.h"

#include <utility>

#include <fmt/format.h>

#include "adapter/discovery.h"
#include "adapter/metric_query.h"
#include "adapter/metric_response.h"

namespace leadline {
namespace {

HttpResponse json_response(int status, std::string body) {
  return make_response(status, std::string(kJsonContentType), std::move(body));
}

// "/apis/x/" is "/apis/x".
std::string without_trailing_slash(const std::string& path) {
  return path.size() > 1 && path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

const char* version_of(MetricApi api) {
  return api == MetricApi::kCustomV1beta2 ? "v1beta2" : "v1beta1";
}

// What the authoriser is asked, in the words of kubernetes-metrics-api.md §5.4.
AccessRequest access_to(const MetricQuery& query) {
  AccessRequest access{.verb = "get",
                       .group = "custom.metrics.k8s.io",
                       .version = version_of(query.api),
                       .resource = query.path_resource,
                       .subresource = {},
                       .name = {},
                       .namespace_name = query.path_namespace,
                       .path = {}};
  switch (query.form) {
    case QueryForm::kExternal:
      access.verb = "list";
      access.group = "external.metrics.k8s.io";
      break;
    case QueryForm::kNamespace:
      access.name = query.metric;
      break;
    case QueryForm::kObject:
    case QueryForm::kAllObjects:
      access.subresource = query.metric;
      access.name = query.form == QueryForm::kAllObjects ? "*" : query.object;
      break;
  }
  return access;
}

AccessRequest access_to(const std::string& path) {
  return {.verb = "get",
          .group = {},
          .version = {},
          .resource = {},
          .subresource = {},
          .name = {},
          .namespace_name = {},
          .path = path};
}

}  // namespace

struct ApiServer::Context {
  Respond respond;
  RequestTarget target;
  std::optional<ApiResult<MetricQuery>> query;  // of a metric's path
  std::string accept, if_none_match, audit_id;
  JsonStyle style = JsonStyle::kCompact;

  Context(const HttpRequest& request, Respond to)
      : respond(std::move(to)),
        accept(request.first_value("Accept")),
        if_none_match(request.first_value("If-None-Match")),
        audit_id(request.first_value("Audit-Id")),
        style(negotiate_style(std::nullopt, request.first_value("User-Agent"))) {}

  // 400 or 405, before anybody asks who calls.
  std::optional<ApiError> read(const HttpRequest& request) {
    auto parsed = parse_request_target(request.target);
    if (!parsed) return parsed.error();
    target = std::move(*parsed);
    style = negotiate_style(target.parameter("pretty"), request.first_value("User-Agent"));
    if (request.method != "GET") {
      return method_not_allowed(fmt::format("{} is not supported here: GET is", request.method));
    }
    if (is_metric_path(target)) query = parse_metric_query(target);
    return std::nullopt;
  }

  // Who may read nothing learns nothing about which paths exist.
  [[nodiscard]] AccessRequest access() const {
    if (JsonDoor::is_at(target)) return JsonDoor::access_to(target);
    return query && *query ? access_to(**query) : access_to(target.path);
  }

  // The self metric's label: a handful of words, whatever clients ask for.
  [[nodiscard]] const char* api() const {
    if (query && *query) return (*query)->form == QueryForm::kExternal ? "external" : "custom";
    if (query || target.segments.empty()) return "other";
    if (JsonDoor::is_at(target)) return "keda";
    return Probes::is_health(target) ? "health" : "discovery";
  }
};

void ApiServer::handle(const HttpRequest& request, const Respond& respond) const {
  const auto context = std::make_shared<Context>(request, respond);
  if (auto error = context->read(request)) {
    return finish(*context, tl::unexpected(std::move(*error)));
  }
  if (Probes::is_open(context->target)) return finish(*context, answer(*context));
  parts_.gatekeeper.identify(request, [this, context](const ApiResult<Caller>& caller) {
    if (!caller) return finish(*context, tl::unexpected(caller.error()));
    parts_.gatekeeper.authorise(*caller, context->access(),
                                [this, context](std::optional<ApiError> refusal) {
                                  if (refusal)
                                    return finish(*context, tl::unexpected(std::move(*refusal)));
                                  finish(*context, answer(*context));
                                });
  });
}

void ApiServer::finish(const Context& context, Answer answer) const {
  HttpResponse response = answer ? std::move(*answer)
                                 : json_response(answer.error().http_status,
                                                 status_body(answer.error(), context.style));
  response.headers.push_back({"Cache-Control", "no-cache, private"});
  if (!context.audit_id.empty()) response.headers.push_back({"Audit-Id", context.audit_id});
  parts_.metrics.count_request(context.api(), response.status);
  context.respond(std::move(response));
}

ApiServer::Answer ApiServer::answer(const Context& context) const {
  if (context.query) {
    const ApiResult<MetricQuery>& query = *context.query;
    if (!query) return tl::unexpected(query.error());
    return query->form == QueryForm::kExternal ? external(*query, context)
                                               : custom(*query, context);
  }
  if (auto health = parts_.probes.answer(context.target)) return std::move(*health);
  if (parts_.json_door != nullptr && JsonDoor::is_at(context.target)) return keda(context);
  const auto& segments = context.target.segments;
  if (segments.size() == 1 && segments.front() == "apis") return groups(context);
  return document(context);
}

ApiServer::Answer ApiServer::groups(const Context& context) const {
  const auto format = negotiate_discovery(context.accept);
  if (!format) return tl::unexpected(not_acceptable(kJsonContentType));
  const std::string& body = parts_.documents.groups(*format).in(context.style);
  const std::string etag = etag_of(body);
  HttpResponse response = make_response(200, std::string(content_type_of(*format)), body);
  if (etag_matches(context.if_none_match, etag)) response = make_response(304, "", "");
  response.headers.push_back({"ETag", etag});
  response.headers.push_back({"Vary", "Accept"});
  return response;
}

ApiServer::Answer ApiServer::document(const Context& context) const {
  const ApiDocument* found = parts_.documents.at(without_trailing_slash(context.target.path));
  if (found == nullptr) return tl::unexpected(path_not_found(context.target.path));
  if (!negotiate_data(context.accept, /*table_served=*/false)) {
    return tl::unexpected(not_acceptable(kJsonContentType));
  }
  return json_response(200, found->in(context.style));
}

ApiServer::Answer ApiServer::custom(const MetricQuery& query, const Context& context) const {
  if (!negotiate_data(context.accept, /*table_served=*/false)) {
    return tl::unexpected(not_acceptable(kJsonContentType));
  }
  const auto custom = parts_.service.custom(query, parts_.clock());
  if (!custom) return tl::unexpected(custom.error());
  return json_response(
      200, custom_metric_list(query.api, *custom, query.metric_label_selector, context.style));
}

ApiServer::Answer ApiServer::external(const MetricQuery& query, const Context& context) const {
  const auto format = negotiate_data(context.accept, /*table_served=*/true);
  if (!format) return tl::unexpected(not_acceptable(kJsonContentType));
  const Instant now = parts_.clock();
  const bool of_queues = parts_.queues != nullptr && parts_.queues->serves(query.metric);
  const auto items =
      of_queues ? parts_.queues->external(query, now) : parts_.service.external(query, now);
  if (!items) return tl::unexpected(items.error());
  if (*format == DataFormat::kJson) {
    return json_response(200, external_metric_list(*items, context.style));
  }
  return json_response(
      200, external_metric_table(
               *items, {.format = *format, .namespace_name = query.path_namespace, .now = now.wall},
               context.style));
}

ApiServer::Answer ApiServer::keda(const Context& context) const {
  if (!negotiate_data(context.accept, /*table_served=*/false)) {
    return tl::unexpected(not_acceptable(kJsonContentType));
  }
  auto body = parts_.json_door->answer(context.target, parts_.clock(), context.style);
  if (!body) return tl::unexpected(std::move(body.error()));
  return json_response(200, std::move(*body));
}

}  // namespace leadline
