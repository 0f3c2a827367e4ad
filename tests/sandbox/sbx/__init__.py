# SPDX-License-Identifier: MIT
"""Modules of the sandbox: a stand-in for Facebook and Pipedrive, for demo and tests."""
