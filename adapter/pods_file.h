// PodsFile is the PodDirectory for a machine without a cluster: a file that is replaced by rename
// and read again when it changes. A list with any error is refused as a whole: the last good one
// stays, the error is logged once and counted. Lives on one EventLoop and is used on its thread
// only.

#pragma once

#include <string>

#include "adapter/pod_directory.h"
#include "base/result.h"

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
  // What changes when a file is replaced or rewritten.
  struct Version {
    std::uint64_t device = 0, inode = 0;
    std::int64_t size = -1, seconds = 0, nanoseconds = 0;
    bool operator==(const Version&) const = default;
  };
  [[nodiscard]] Version version_now() const;

  void look();
  void reload();
  void refused(const Error& error);

  EventLoop& loop_;
  std::string path_;
  SelfMetrics& metrics_;
  Publish publish_;
  Version version_;
  std::string last_error_;
  std::uint64_t timer_ = 0;
};

}  // namespace leadline
