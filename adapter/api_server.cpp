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

// What the authoriser is asked, in the words of kubernetes-metrics-api.md §5.4.
AccessRequest access_to(const MetricQuery& query) {
  if (query.form == QueryForm::kExternal) {
    return {.verb = "list",
            .group = "external.metrics.k8s.io",
            .resource = query.metric,
            .namespace_name = query.path_namespace,
            .path = {}};
  }
  return {.verb = "get",
          .group = "custom.metrics.k8s.io",
          .resource = query.form == QueryForm::kNamespace
                          ? query.path_resource
                          : fmt::format("{}/{}", query.path_resource, query.metric),
          .namespace_name = query.path_namespace,
          .path = {}};
}

AccessRequest access_to(const std::string& path) {
  return {.verb = "get", .group = {}, .resource = {}, .namespace_name = {}, .path = path};
}

// The self metric's label: a handful of words, whatever clients ask for.
const char* name_of(const MetricQuery& query) {
  return query.form == QueryForm::kExternal ? "external" : "custom";
}

}  // namespace

struct ApiServer::Context {
  RequestTarget target;
  Caller caller;
  std::string accept;
  std::string if_none_match;
  JsonStyle style = JsonStyle::kCompact;
  const char* api = "other";
};

void ApiServer::handle(const HttpRequest& request, const Respond& respond) const {
  respond(answer(request));
}

HttpResponse ApiServer::answer(const HttpRequest& request) const {
  Context context;
  context.style = negotiate_style(std::nullopt, request.first_value("User-Agent"));
  Answer routed = route(request, context);
  HttpResponse response = routed ? std::move(*routed)
                                 : json_response(routed.error().http_status,
                                                 status_body(routed.error(), context.style));
  response.headers.push_back({"Cache-Control", "no-cache, private"});
  if (const auto id = request.first_value("Audit-Id"); !id.empty()) {
    response.headers.push_back({"Audit-Id", std::string(id)});
  }
  parts_.metrics.count_request(context.api, response.status);
  return response;
}

ApiServer::Answer ApiServer::route(const HttpRequest& request, Context& context) const {
  auto target = parse_request_target(request.target);
  if (!target) return tl::unexpected(target.error());
  context.target = std::move(*target);
  context.style =
      negotiate_style(context.target.parameter("pretty"), request.first_value("User-Agent"));
  context.accept = request.first_value("Accept");
  context.if_none_match = request.first_value("If-None-Match");
  if (request.method != "GET") {
    return tl::unexpected(
        method_not_allowed(fmt::format("{} is not supported here: GET is", request.method)));
  }
  const bool open = Probes::is_open(context.target);
  if (!open) {
    auto caller = parts_.identity.identify(request);
    if (!caller) return tl::unexpected(caller.error());
    context.caller = std::move(*caller);
    if (is_metric_path(context.target)) return metric(context);
    if (auto no = refusal(context.caller, access_to(context.target.path))) {
      return tl::unexpected(std::move(*no));
    }
  }
  if (auto health = parts_.probes.answer(context.target)) {
    context.api = "health";
    return std::move(*health);
  }
  context.api = "discovery";
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

ApiServer::Answer ApiServer::metric(Context& context) const {
  auto query = parse_metric_query(context.target);
  if (!query) {
    // Who may read nothing learns nothing about which paths exist.
    if (auto no = refusal(context.caller, access_to(context.target.path))) {
      return tl::unexpected(std::move(*no));
    }
    return tl::unexpected(query.error());
  }
  context.api = name_of(*query);
  if (auto no = refusal(context.caller, access_to(*query))) return tl::unexpected(std::move(*no));
  return query->form == QueryForm::kExternal ? external(*query, context) : custom(*query, context);
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
  const auto items = parts_.service.external(query, now);
  if (!items) return tl::unexpected(items.error());
  if (*format == DataFormat::kJson) {
    return json_response(200, external_metric_list(*items, context.style));
  }
  return json_response(
      200, external_metric_table(
               *items, {.format = *format, .namespace_name = query.path_namespace, .now = now.wall},
               context.style));
}

}  // namespace leadline
