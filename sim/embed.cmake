# embed_file(FILE SOURCE FUNCTION): writes SOURCE (in the build folder), which defines
# `std::string_view leadline::FUNCTION()` over FILE's bytes. Runs again when FILE changes.
function(embed_file file source function)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${source} @ONLY CONTENT
"#include <string_view>
namespace leadline {
std::string_view @function@();
static const char kBytes[] = {
@hex@};
std::string_view @function@() { return {kBytes, sizeof kBytes}; }
}  // namespace leadline
")
endfunction()
