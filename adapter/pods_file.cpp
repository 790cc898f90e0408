#include "adapter/pods_file.h"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <utility>

#include "adapter/pods_document.h"
#include "adapter/self_metrics.h"
#include "daemon/event_loop.h"
#include "daemon/log.h"

namespace leadline {
namespace {

constexpr std::chrono::milliseconds kLookEvery{200};
constexpr std::int64_t kMaxFileBytes = 256LL * 1024 * 1024;  // 200,000 pods of 1 KB, and room

}  // namespace

Result<PodList> read_pods_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return fail(Errc::kNotFound, "pods file {}: cannot be opened", path);
  const std::int64_t size = file.tellg();
  if (size < 0) return fail(Errc::kBadInput, "pods file {}: is no regular file", path);
  if (size > kMaxFileBytes) {
    return fail(Errc::kBadInput, "pods file {}: {} bytes must be at most {}", path, size,
                kMaxFileBytes);
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  file.seekg(0);
  if (!file.read(text.data(), size)) {
    return fail(Errc::kBadInput, "pods file {}: cannot be read", path);
  }
  auto list = parse_pods_document(text);
  if (!list) return fail(list.error().with_context("pods file " + path));
  return list;
}

PodsFile::PodsFile(EventLoop& loop, std::string path, SelfMetrics& metrics)
    : loop_(loop), path_(std::move(path)), metrics_(metrics) {}

PodsFile::~PodsFile() {
  loop_.cancel(timer_);
}

void PodsFile::start(Publish publish) {
  publish_ = std::move(publish);
  look();
}

void PodsFile::look() {
  const FileVersion now = file_version(path_);
  const bool gone = now == FileVersion{};
  if (now != version_ || (gone && last_error_.empty())) {
    version_ = now;  // before reading: a change while we read is seen at the next look
    reload();
  }
  timer_ = loop_.call_after(kLookEvery, [this] { look(); });
}

void PodsFile::reload() {
  auto list = read_pods_file(path_);
  metrics_.count_pods_list(list.has_value());
  if (!list) return refused(list.error());
  if (!last_error_.empty()) log_info("pods file is good again path=" + path_);
  last_error_.clear();
  log_info(fmt::format("pods file read path={} pods={} objects={}", path_, list->pods.size(),
                       list->objects.size()));
  publish_(std::make_shared<const PodList>(std::move(*list)));
}

void PodsFile::refused(const Error& error) {
  if (error.message == last_error_) return;
  last_error_ = error.message;
  // One line per error: a person mends them all at once.
  std::istringstream lines(error.message);
  for (std::string line; std::getline(lines, line);) {
    log_error(fmt::format("pods file refused, the last good list stays path={} err=\"{}\"", path_,
                          printable(line)));
  }
}

}  // namespace leadline
