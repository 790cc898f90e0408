#include "adapter/kube/reviews.h"

#include "adapter/json_text.h"
#include "adapter/kube/objects.h"

namespace leadline {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

std::vector<std::string> texts_at(const json& object, std::initializer_list<const char*> path) {
  std::vector<std::string> texts;
  const json& list = value_at(object, path);
  if (!list.is_array()) return texts;
  for (const json& one : list) {
    if (one.is_string()) texts.push_back(one.get<std::string>());
  }
  return texts;
}

// Empty attributes are left out, as Go's omitempty does.
void put(ordered_json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

ordered_json resource_attributes(const AccessRequest& access) {
  ordered_json attributes = ordered_json::object();
  put(attributes, "namespace", access.namespace_name);
  put(attributes, "verb", access.verb);
  put(attributes, "group", access.group);
  put(attributes, "version", access.version);
  put(attributes, "resource", access.resource);
  put(attributes, "subresource", access.subresource);
  put(attributes, "name", access.name);
  return attributes;
}

void put_size(std::string& key, std::size_t size) {
  key.append(reinterpret_cast<const char*>(&size), sizeof(size));
}

void put_text(std::string& key, std::string_view text) {
  put_size(key, text.size());
  key.append(text);
}

void put_texts(std::string& key, const std::vector<std::string>& texts) {
  put_size(key, texts.size());
  for (const std::string& text : texts) put_text(key, text);
}

std::size_t heap_bytes(const std::vector<std::string>& texts) {
  std::size_t bytes = texts.size() * sizeof(std::string);
  for (const std::string& text : texts) bytes += text.size();
  return bytes;
}

}  // namespace

std::size_t heap_bytes(const std::optional<Caller>& caller) {
  if (!caller) return 0;
  std::size_t bytes = caller->user.size() + caller->uid.size() + heap_bytes(caller->groups);
  for (const auto& [key, values] : caller->extra) bytes += key.size() + heap_bytes(values);
  return bytes;
}

std::size_t heap_bytes(const AccessVerdict& verdict) {
  return verdict.reason.size();
}

std::string token_review_body(std::string_view token) {
  return compact_text({{"apiVersion", "authentication.k8s.io/v1"},
                       {"kind", "TokenReview"},
                       {"spec", {{"token", token}}}});
}

std::string access_review_body(const Caller& caller, const AccessRequest& access) {
  ordered_json spec = ordered_json::object();
  if (access.group.empty()) {
    spec["nonResourceAttributes"] = {{"path", access.path}, {"verb", access.verb}};
  } else {
    spec["resourceAttributes"] = resource_attributes(access);
  }
  spec["user"] = caller.user;
  put(spec, "uid", caller.uid);
  spec["groups"] = caller.groups;
  if (!caller.extra.empty()) spec["extra"] = caller.extra;
  return compact_text({{"apiVersion", "authorization.k8s.io/v1"},
                       {"kind", "SubjectAccessReview"},
                       {"spec", std::move(spec)}});
}

std::string access_key(const Caller& caller, const AccessRequest& access) {
  std::string key;
  key.reserve(512);
  for (const std::string* text :
       {&access.verb, &access.group, &access.version, &access.resource, &access.subresource,
        &access.name, &access.namespace_name, &access.path, &caller.user, &caller.uid}) {
    put_text(key, *text);
  }
  put_texts(key, caller.groups);
  for (const auto& [name, values] : caller.extra) {
    put_text(key, name);
    put_texts(key, values);
  }
  return key;
}

Result<std::optional<Caller>> caller_from_token_review(std::string_view body) {
  const json review = json::parse(body, nullptr, /*allow_exceptions=*/false);
  const json& status = value_at(review, {"status"});
  if (!status.is_object()) return fail(Errc::kBadInput, "the answer is no TokenReview");
  if (value_at(status, {"authenticated"}) != json(true)) return std::nullopt;
  Caller caller{.user = text_at(status, {"user", "username"}),
                .uid = text_at(status, {"user", "uid"}),
                .groups = texts_at(status, {"user", "groups"}),
                .extra = {}};
  if (caller.user.empty()) return fail(Errc::kBadInput, "the TokenReview names no user");
  const json& extra = value_at(status, {"user", "extra"});
  if (extra.is_object()) {
    for (const auto& [key, values] : extra.items())
      caller.extra[key] = texts_at(extra, {key.c_str()});
  }
  return caller;
}

Result<AccessVerdict> verdict_from_access_review(std::string_view body) {
  const json review = json::parse(body, nullptr, /*allow_exceptions=*/false);
  const json& status = value_at(review, {"status"});
  if (!status.is_object()) return fail(Errc::kBadInput, "the answer is no SubjectAccessReview");
  return AccessVerdict{.allowed = value_at(status, {"allowed"}) == json(true) &&
                                  value_at(status, {"denied"}) != json(true),
                       .reason = text_at(status, {"reason"})};
}

}  // namespace leadline
