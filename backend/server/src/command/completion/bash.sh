# Finishes words of @BIN@. Made by `@BIN@ completion bash`.
_@NAME@_complete() {
    local rest=$COMP_LINE words=() word i
    # readline cuts words at colons and equals signs: what no space stands between belongs together.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 0)) && [[ $rest != [[:space:]]* ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        rest=${rest#"${rest%%[![:space:]]*}"}
        rest=${rest#"$word"}
    done
    # Of the last word only what stands before the cursor counts, and readline replaces no more than its own part of it.
    local last=$((${#words[@]} - 1)) own=$2 before
    before=${words[last]%"${COMP_WORDS[COMP_CWORD]}"}
    if [[ ${COMP_WORDS[COMP_CWORD]} == [:=] ]]; then
        before+=${COMP_WORDS[COMP_CWORD]}
    fi
    words[last]=$before$own
    local IFS=$'\013'
    COMPREPLY=($(@VARIABLE@=bash @COMPLETER@ -- "${words[@]}" 2>/dev/null))
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
    # A folder, or an option that takes a value, goes on.
    if [[ ${COMPREPLY-} == *[=/:] ]]; then
        compopt -o nospace 2>/dev/null || :
    fi
}
complete -o bashdefault -F _@NAME@_complete @BIN@
