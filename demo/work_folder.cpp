#include "demo/work_folder.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace leadline {

Result<WorkFolder> WorkFolder::make() {
  std::error_code error;
  std::string path =
      (std::filesystem::temp_directory_path(error) / "leadline-demo-XXXXXX").string();
  if (error || ::mkdtemp(path.data()) == nullptr) {
    return fail(Errc::kUnavailable, "no folder for temporary files: {}", path);
  }
  return WorkFolder(path);
}

WorkFolder::~WorkFolder() {
  std::error_code ignored;
  if (!path_.empty() && !kept_) std::filesystem::remove_all(path_, ignored);
}

Result<void> WorkFolder::write(const std::string& name, const std::string& text) const {
  std::ofstream stream(file(name), std::ios::trunc);
  stream << text;
  stream.close();
  ::chmod(file(name).c_str(), S_IRUSR | S_IWUSR);
  if (!stream) return fail(Errc::kUnavailable, "cannot write {}", file(name));
  return {};
}

}  // namespace leadline
