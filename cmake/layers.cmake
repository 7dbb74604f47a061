# layer(FOLDER [SUBFOLDERS names...] [LINK libs...] [MAIN files...]): the static library
# rustydb_FOLDER of a folder's own .c files and those of the sub-folders named (they know each
# other's insides), less those that hold a main(). A folder without sources
# is an interface library, so that the picture of layers stands before the code does.
function(layer folder)
    cmake_parse_arguments(ARG "" "" "SUBFOLDERS;LINK;MAIN" ${ARGN})
    string(REPLACE "/" "_" name "rustydb_${folder}")
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.c)
    foreach(sub IN LISTS ARG_SUBFOLDERS)
        file(GLOB more CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/${sub}/*.c)
        list(APPEND sources ${more})
    endforeach()
    foreach(main IN LISTS ARG_MAIN)
        list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/${folder}/${main})
    endforeach()
    if(sources)
        add_library(${name} STATIC ${sources})
        target_link_libraries(${name} PUBLIC rustydb_options ${ARG_LINK})
    else()
        add_library(${name} INTERFACE)
        target_link_libraries(${name} INTERFACE rustydb_options ${ARG_LINK})
    endif()
endfunction()

# program(NAME main.c libraries...): a program of the product, in build/bin.
function(program name main)
    if(EXISTS ${CMAKE_SOURCE_DIR}/${main})
        add_executable(${name} ${main})
        target_link_libraries(${name} PRIVATE ${ARGN})
    endif()
endfunction()
