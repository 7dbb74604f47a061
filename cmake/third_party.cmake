# Libraries that need more than a pkg-config line.

# libraft: linked statically; the version check is in cluster/consensus (RAFT_VERSION_NUMBER).
find_library(RAFT_STATIC NAMES libraft.a REQUIRED)
add_library(rustydb_raft INTERFACE)
target_link_libraries(rustydb_raft INTERFACE ${RAFT_STATIC} PkgConfig::UV)
file(STRINGS /usr/include/raft.h raft_version_lines REGEX "define RAFT_VERSION_(MAJOR|MINOR|RELEASE) ")
string(REGEX MATCHALL "[0-9]+" raft_version "${raft_version_lines}")
list(JOIN raft_version "." raft_version)
if(raft_version VERSION_LESS 0.22.1)
    message(FATAL_ERROR "libraft ${raft_version} is too old: RustyDB needs 0.22.1 (deploy/setup.sh installs it)")
endif()

# libpg_query exports 2,125 symbols (list_free, hash_search, protobuf_c_*, ...): one relocatable
# object with all but its own hidden, so that none of them can meet ours or another library's.
find_library(PG_QUERY_STATIC NAMES libpg_query.a REQUIRED)
set(pg_query_object ${CMAKE_BINARY_DIR}/pg_query_hidden.o)
add_custom_command(OUTPUT ${pg_query_object}
    COMMAND ${CMAKE_LINKER} -r --whole-archive ${PG_QUERY_STATIC} -o ${pg_query_object}
    COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=pg_query_* ${pg_query_object}
    DEPENDS ${PG_QUERY_STATIC} VERBATIM)
add_custom_target(pg_query_hidden DEPENDS ${pg_query_object})
add_library(rustydb_pg_query INTERFACE)
add_dependencies(rustydb_pg_query pg_query_hidden)
target_link_libraries(rustydb_pg_query INTERFACE ${pg_query_object} PkgConfig::PROTOBUF_C
    PkgConfig::XXHASH)

# Generated message code (proto/*.proto) is not held to our warnings.
file(GLOB proto_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/proto/*.proto)
set(proto_sources)
foreach(proto IN LISTS proto_files)
    get_filename_component(stem ${proto} NAME_WE)
    set(out ${CMAKE_BINARY_DIR}/gen/proto/${stem}.pb-c)
    add_custom_command(OUTPUT ${out}.c ${out}.h
        COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/gen/proto
        COMMAND ${PROTOC_C} --proto_path=${CMAKE_SOURCE_DIR} --c_out=${CMAKE_BINARY_DIR}/gen ${proto}
        DEPENDS ${proto} VERBATIM)
    list(APPEND proto_sources ${out}.c)
endforeach()
if(proto_sources)
    add_library(rustydb_messages STATIC ${proto_sources})
    target_include_directories(rustydb_messages PUBLIC ${CMAKE_BINARY_DIR}/gen)
    target_link_libraries(rustydb_messages PUBLIC PkgConfig::PROTOBUF_C)
else()
    add_library(rustydb_messages INTERFACE)
endif()
