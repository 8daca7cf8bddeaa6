# Turns a text file into a C string constant: cmake -DIN=x.sql -DOUT=x.c -DNAME=symbol -P embed.cmake
# Bytes are written as an array, so that no compiler's limit on string literals matters.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "const char ${NAME}[];\nconst char ${NAME}[] = {${bytes}0};\n")
