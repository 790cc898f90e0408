// PodsFile is the PodDirectory for a machine without a cluster: a file that is replaced by rename
// and read again when it changes. A list with any error is refused as a whole: the last good one
// stays, the error is logged once and counted. Lives on one EventLoop and is used on its thread
// only.

#pragma once

#include <string>

#include "adapter/pod_directory.h"
#include "base/result.h"
#include "daemon/file_version.h"

namespace leadline {

class EventLoop;
class SelfMetrics;

// Reads and checks the file once: what --check-config does, and the start of the adapter.
// kNotFound: no such file; kBadInput: every error of its text.
[[nodiscard]] Result<PodList> read_pods_file(const std::string& path);

class PodsFile final : public PodDirectory {
 public:
  PodsFile(EventLoop& loop, std::string path, SelfMetrics& metrics);
  ~PodsFile() override;
  PodsFile(const PodsFile&) = delete;
  PodsFile& operator=(const PodsFile&) = delete;

  void start(Publish publish) override;

 private:
  void look();
  void reload();
  void refused(const Error& error);

  EventLoop& loop_;
  std::string path_;
  SelfMetrics& metrics_;
  Publish publish_;
  FileVersion version_;
  std::string last_error_;
  std::uint64_t timer_ = 0;
};

}  // namespace leadline
