#include "adapter/kube/watch.h"

#include <algorithm>
#include <utility>

#include "adapter/kube/objects.h"
#include "adapter/percent.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstPause{500}, kLongestPause{30'000};
constexpr int kGone = 410;
constexpr int kPatience = 3;  // failures in a row before a new list
// As client-go: each watch ends by itself after a time of its own, so that a restarted server is
// not asked by everybody at once.
constexpr int kShortestWatch = 240, kLongestWatch = 360;
constexpr seconds kWatchGrace{15};
constexpr seconds kLeastWatch{1};  // one that ends sooner is a failure
constexpr seconds kListTimeout{30};
constexpr std::size_t kMaxPageBytes = 64 * 1024 * 1024;  // 200 objects of etcd's 1.5 MB never occur
constexpr std::size_t kMaxLineBytes = 4 * 1024 * 1024;

std::string reason_of(const Result<KubeAnswer>& answer) {
  if (!answer) return answer.error().message;
  return fmt::format("HTTP {}: {}", answer->status,
                     text_at(parse_kube_json(answer->body), {"message"}));
}

}  // namespace

KubeWatch::KubeWatch(KubeClient& client, KubeCollection collection, KubeEvents events,
                     SelfMetrics& metrics, Clock clock)
    : client_(client),
      collection_(std::move(collection)),
      events_(std::move(events)),
      metrics_(metrics),
      clock_(std::move(clock)) {}

void KubeWatch::start() {
  metrics_.set_watch(collection_.name, false);
  begin([this] { list({}); });
}

// Everything runs on the client's thread.
void KubeWatch::begin(std::function<void()> next) {
  client_.call_after(milliseconds{0}, std::move(next));
}

std::string KubeWatch::url(const std::string& query) const {
  std::string url = collection_.path + "?" + query;
  if (!collection_.field_selector.empty())
    url += "&fieldSelector=" + percent_encoded(collection_.field_selector);
  return url;
}

void KubeWatch::list(const std::string& continue_token) {
  if (continue_token.empty()) {
    listing_ = true;
    events_.begin_list();
  }
  std::string query = fmt::format("limit={}", kPage);
  if (!continue_token.empty()) query += "&continue=" + percent_encoded(continue_token);
  KubeRequest request;
  request.path = url(query);
  request.timeout = kListTimeout;
  request.max_bytes = kMaxPageBytes;
  client_.ask(std::move(request), [this](const Result<KubeAnswer>& answer) { listed(answer); });
}

// A 410 here is a continue token that took too long: failed() lists anew from the beginning.
void KubeWatch::listed(const Result<KubeAnswer>& answer) {
  if (!answer || answer->status != 200)
    return failed(reason_of(answer), answer ? answer->retry_after : seconds{0});
  const json page = parse_kube_json(answer->body);
  if (!page.is_object() || !value_at(page, {"items"}).is_array())
    return failed("the list is no list", seconds{0});
  for (const json& object : page["items"]) events_.upsert(object);
  const std::string more = text_at(page, {"metadata", "continue"});
  if (!more.empty()) return list(more);
  version_ = text_at(page, {"metadata", "resourceVersion"});
  listing_ = false;
  events_.end_list();
  metrics_.count_watch(collection_.name, "listed");
  watch();
}

void KubeWatch::watch() {
  const int length = std::uniform_int_distribution(kShortestWatch, kLongestWatch)(random_);
  KubeRequest request;
  request.path =
      url(fmt::format("watch=true&allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}",
                      length, percent_encoded(version_)));
  request.timeout = seconds{length} + kWatchGrace;
  request.max_bytes = kMaxLineBytes;
  opened_at_.reset();
  client_.watch(
      std::move(request),
      {.opened = [this] { opened(); }, .line = [this](std::string_view line) { take_line(line); }},
      [this](const Result<KubeAnswer>& answer) { ended(answer); });
}

void KubeWatch::worked() {
  failures_ = 0;
  gone_in_a_row_ = 0;
}

void KubeWatch::opened() {
  opened_at_ = clock_().steady;
  metrics_.set_watch(collection_.name, true);
  edges_.recovered(collection_.name, "kube API is followed again",
                   fmt::format("resource={}", collection_.name), clock_());
}

void KubeWatch::take_line(std::string_view line) {
  const json event = parse_kube_json(line);
  const std::string type = text_at(event, {"type"});
  const json& object = value_at(event, {"object"});
  if (type == "ERROR") {
    if (value_at(object, {"code"}) == json(kGone)) version_.clear();
    metrics_.count_watch(collection_.name, "error");
    return;
  }
  const std::string version = text_at(object, {"metadata", "resourceVersion"});
  if (version.empty()) return metrics_.count_watch(collection_.name, "unreadable");
  version_ = version;
  worked();
  if (type == "ADDED" || type == "MODIFIED") events_.upsert(object);
  if (type == "DELETED") events_.remove(object);
  metrics_.count_watch(collection_.name, type == "BOOKMARK" ? "bookmark" : "event");
}

void KubeWatch::ended(const Result<KubeAnswer>& answer) {
  const bool lasted = opened_at_ && clock_().steady - *opened_at_ >= kLeastWatch;
  if (lasted) worked();
  const bool gone = version_.empty() || (answer && answer->status == kGone);
  if (gone) {
    version_.clear();
    metrics_.count_watch(collection_.name, "gone");
    if (gone_in_a_row_++ > 0) return failed("every version is gone", seconds{0});
    return begin([this] { list({}); });
  }
  if (answer && answer->status == 200 && lasted) return begin([this] { watch(); });
  if (answer && answer->status == 200) return failed("the watch ended at once", seconds{0});
  failed(reason_of(answer), answer ? answer->retry_after : seconds{0});
}

// Goes on where it was: with the watch, or with a list that was not complete.
void KubeWatch::failed(const std::string& reason, milliseconds least_pause) {
  metrics_.set_watch(collection_.name, false);
  metrics_.count_watch(collection_.name, "failed");
  edges_.failed(collection_.name, "kube API is not followed",
                fmt::format("resource={} err=\"{}\"", collection_.name, printable(reason)),
                clock_());
  if (failures_ >= kPatience) version_.clear();  // perhaps it is the version that is wrong
  const bool whole = listing_ || version_.empty();
  client_.call_after(std::max(least_pause, next_pause()),
                     [this, whole] { whole ? list({}) : watch(); });
}

// Doubles up to half a minute; half of it is chance.
milliseconds KubeWatch::next_pause() {
  const auto full = std::min(kLongestPause, kFirstPause * (1 << std::min(failures_++, 6)));
  const auto half = full.count() / 2;
  return milliseconds{half + std::uniform_int_distribution<milliseconds::rep>(0, half)(random_)};
}

}  // namespace leadline
