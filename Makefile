# Two commands do everything, set-up included:
#   make demo   opens napari on two rats filmed by six cameras (without a display: the headless form)
#   make test   runs the test suite (on a virtual screen)
#
# On Linux without a GPU, PyTorch's CPU build spares several GB:
#   make demo PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PYTEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder
DEMO_OUTPUT ?= demo_output

DEBIAN_PACKAGES = g++ xvfb xauth libgl1 libegl1 libopengl0 libgl1-mesa-dri libglib2.0-0 libdbus-1-3 \
	libfontconfig1 libxkbcommon0 libxkbcommon-x11-0 libx11-xcb1 libxcb-cursor0 libxcb-glx0 \
	libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render0 libxcb-render-util0 \
	libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-util1 libxcb-xfixes0 libxcb-xkb1

.PHONY: demo test check system clean

demo: system $(VENV)/.installed
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname -s)" = Darwin ]; then \
		$(BIN)/sdannce demo; \
	else \
		echo "No display here, so the demo runs headless and writes to $(DEMO_OUTPUT)/"; \
		$(BIN)/sdannce demo --headless --out $(DEMO_OUTPUT); \
	fi

# one thread for each process that shares the tests
test: export OMP_NUM_THREADS ?= 1
test: system $(VENV)/.installed-test
	@if command -v xvfb-run >/dev/null; then \
		xvfb-run -a -s "-screen 0 1600x1000x24" $(BIN)/python -m pytest $(PYTEST_ARGS); \
	else \
		$(BIN)/python -m pytest $(PYTEST_ARGS); \
	fi

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/python -m pip install -c constraints.txt -e ".[all]"
	touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/python -m pip install -c constraints.txt -e ".[all,test]"
	touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/python -m pip install -c constraints.txt -e ".[all,test,dev]"
	touch $@ $(VENV)/.installed $(VENV)/.installed-test

# Qt and OpenGL need system libraries on Debian, and a test g++: install them as root, else say how.
system:
	@if command -v dpkg-query >/dev/null; then \
		missing=""; \
		for package in $(DEBIAN_PACKAGES); do \
			dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q "ok installed" \
				|| missing="$$missing $$package"; \
		done; \
		$(PYTHON) -c "import ensurepip" 2>/dev/null || missing="$$missing python3-venv"; \
		if [ -z "$$missing" ]; then :; \
		elif [ "$$(id -u)" = 0 ]; then \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing; \
		else \
			echo "System packages are missing. Please run, then try again if the next step fails:"; \
			echo "  sudo apt-get install -y$$missing"; \
		fi; \
	fi

clean:
	rm -rf $(VENV) build dist $(DEMO_OUTPUT) .pytest_cache .mypy_cache .ruff_cache .hypothesis
