// CertificateFiles shows a renewed certificate without a restart: it looks at the files once a
// second and hands them to the transport when they have changed and fit each other. A pair that
// does not fit (one file was written, the other not yet) changes nothing. Lives on one EventLoop.
// Source: kubernetes-metrics-api.md §8, check 55.

#pragma once

#include <memory>
#include <utility>

#include "daemon/edge_log.h"
#include "daemon/event_loop.h"
#include "daemon/file_version.h"
#include "daemon/tls_transport.h"

namespace leadline {

class CertificateFiles {
 public:
  // `loop` outlives it.
  CertificateFiles(EventLoop& loop, TlsFiles files, std::shared_ptr<ServerTransport> transport);
  ~CertificateFiles();
  CertificateFiles(const CertificateFiles&) = delete;
  CertificateFiles& operator=(const CertificateFiles&) = delete;

 private:
  using Versions = std::pair<FileVersion, FileVersion>;
  [[nodiscard]] Versions versions() const;
  void look();

  EventLoop& loop_;
  TlsFiles files_;
  std::shared_ptr<ServerTransport> transport_;
  Versions shown_;
  EdgeLog edges_;
  TimerId timer_ = 0;
};

}  // namespace leadline
