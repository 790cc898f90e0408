#include "adapter/certificate_files.h"

#include "daemon/log.h"

namespace leadline {
namespace {

constexpr std::chrono::milliseconds kLookEvery{1'000};

}  // namespace

CertificateFiles::CertificateFiles(EventLoop& loop, TlsFiles files,
                                   std::shared_ptr<ServerTransport> transport)
    : loop_(loop), files_(std::move(files)), transport_(std::move(transport)), shown_(versions()) {
  timer_ = loop_.call_after(kLookEvery, [this] { look(); });
}

CertificateFiles::~CertificateFiles() {
  loop_.cancel(timer_);
}

CertificateFiles::Versions CertificateFiles::versions() const {
  return {file_version(files_.certificate_file), file_version(files_.key_file)};
}

void CertificateFiles::look() {
  timer_ = loop_.call_after(kLookEvery, [this] { look(); });
  const Versions now = versions();
  if (now == shown_) return;
  const auto replaced = replace_certificate(*transport_, files_);
  if (!replaced) {
    edges_.failed("files", "the changed certificate is not used", error_fields(replaced.error()),
                  system_now());
    return;
  }
  shown_ = now;
  edges_.recovered("files", "the changed certificate is used", "", system_now());
  log_info("serving certificate replaced file=" + files_.certificate_file);
}

}  // namespace leadline
