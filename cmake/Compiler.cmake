# The compiler rule: clang-19 with libstdc++ 12 at C++23. g++ 12 destroys a braced temporary inside a
# `co_await` expression twice, silently, at every optimisation level; g++ older than 14 is refused.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  message(FATAL_ERROR
    "muster does not build with g++ ${CMAKE_CXX_COMPILER_VERSION}: before version 14 it destroys braced "
    "temporaries in co_await expressions twice. Use clang-19: run script/setup, then script/build.")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR
    "muster does not build with clang ${CMAKE_CXX_COMPILER_VERSION}: it cannot parse std::expected. "
    "Use clang-19: run script/setup, then script/build.")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_INTERPROCEDURAL_OPTIMIZATION OFF)

find_program(MUSTER_CCACHE ccache)
if(MUSTER_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MUSTER_CCACHE})
endif()
find_program(MUSTER_MOLD mold)
if(MUSTER_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor
  -Wno-gnu-statement-expression-from-macro-expansion -fno-omit-frame-pointer
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)

set(MUSTER_SANITIZE "" CACHE STRING "sanitizers, as -fsanitize= takes them")
if(MUSTER_SANITIZE)
  add_compile_options(-fsanitize=${MUSTER_SANITIZE} -fno-sanitize-recover=all -fno-sanitize=function)
  add_link_options(-fsanitize=${MUSTER_SANITIZE})
endif()
