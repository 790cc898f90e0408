// WorkFolder is where a demo run keeps its files: certificate, token, pods file, logs. Made at the
// start, removed at the end unless kept.

#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace leadline {

class WorkFolder {
 public:
  // Below $TMPDIR or /tmp, readable by its owner alone.
  [[nodiscard]] static Result<WorkFolder> make();

  WorkFolder(WorkFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  WorkFolder& operator=(WorkFolder&&) = delete;
  ~WorkFolder();

  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] Result<void> write(const std::string& name, const std::string& text) const;

  // Leaves it in place, so that somebody can look at the logs.
  void keep() { kept_ = true; }

 private:
  explicit WorkFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
  bool kept_ = false;
};

}  // namespace leadline
