# Two commands are all that a user needs: `make run` and `make test`. Both install what is missing first.
# What is slow to make (tools, not sources) is kept in ~/.cache/estiva; ESTIVA_CACHE names another place.

.PHONY: help run build site test bench fuzz clean

help:
	@echo "make run     build Estiva, start its server, print the page's address"
	@echo "make build   build it only; prints the program's path (one file to copy)"
	@echo "make site    write the inspector as static files, for any web server; prints the folder"
	@echo "make test    run every check and test"
	@echo "make bench   measure against podman, buildah and igzip"
	@echo "make fuzz    give each parser a minute of hostile input"
	@echo "make clean   remove what was built, but not the tools in the cache"

run:
	@tools/run

build:
	@tools/setup run
	@tools/build

site:
	@tools/site

test:
	@tools/test

bench:
	@tools/bench

fuzz:
	@tools/fuzz

clean:
	rm -rf target frontend/dist site
